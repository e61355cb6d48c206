// Reads one story with gRPC: get_story [ORGANIZATION [KEY]]. PRISM_ADDRESS, PRISM_KEY_FILE and PRISM_ACTOR say where, with which
// key, and for whom.
//
// The messages are made by protoc with protoc-gen-go (go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.31.0, or
// Debian's package of that name):
//
//	protoc -I ../../proto --go_out=. --go_opt=module=example.com/prism/get_story \
//	    --go_opt=Mprism/options.proto=example.com/prism/get_story/options \
//	    --go_opt=Mprism/v1/story.proto=example.com/prism/get_story/prismv1 \
//	    --go_opt=Mprism/v1/upsert.proto=example.com/prism/get_story/prismv1 \
//	    prism/options.proto prism/v1/story.proto prism/v1/upsert.proto
//	go mod tidy && go run .
//
// With Debian's golang-google-grpc-dev instead of modules: GO111MODULE=off, and this folder as example.com/prism/get_story
// below the src of a GOPATH that ends with /usr/share/gocode.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"example.com/prism/get_story/prismv1"
)

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// caller is what every call carries.
func caller(ctx context.Context) (context.Context, error) {
	key, err := os.ReadFile(os.Getenv("PRISM_KEY_FILE"))
	if err != nil {
		return nil, err
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+strings.TrimSpace(string(key)))
	if actor := os.Getenv("PRISM_ACTOR"); actor != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-prism-actor", actor)
	}
	return ctx, nil
}

func getStory(organization int64, key string) error {
	address := "passthrough:///" + variable("PRISM_ADDRESS", "127.0.0.1:7400")
	// (since 1.35 also: WithTransportCredentials(insecure.NewCredentials()))
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if ctx, err = caller(ctx); err != nil {
		return err
	}
	request := &prismv1.GetStoryRequest{
		OrganizationId: organization,
		Story:          &prismv1.GetStoryRequest_Key{Key: key},
	}
	story := new(prismv1.Story)
	if err := connection.Invoke(ctx, "/prism.v1.StoryService/GetStory", request, story); err != nil {
		return fmt.Errorf("%s: %s", status.Code(err), status.Convert(err).Message())
	}
	fmt.Println(story.Key, story.Title)
	return nil
}

func main() {
	organization, key := int64(1), "DEMO-3"
	if len(os.Args) > 1 {
		organization, _ = strconv.ParseInt(os.Args[1], 10, 64)
	}
	if len(os.Args) > 2 {
		key = os.Args[2]
	}
	if err := getStory(organization, key); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
