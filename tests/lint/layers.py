"""Layers: a folder includes only itself and what stands to its right (ARCHITECTURE.md, "Layers").

    services -> auth -> rpc -> db -> proto; transport -> rpc; admin -> rpc; client -> proto

Includes are rooted ("proto/frame.h"), so that each include line shows its layer. Only the files at the top of
daemon/ include everything. Which third-party headers a layer may use is part of the rule.
"""
import os
import re

from tree import finding, line_of

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)

ALLOWED = {
    'proto': ['proto'],
    'db': ['db', 'proto'],
    'client': ['client', 'proto'],
    'daemon/rpc': ['daemon/rpc', 'db', 'proto'],
    'daemon/auth': ['daemon/auth', 'daemon/rpc', 'db', 'proto'],
    'daemon/services': ['daemon/services', 'daemon/auth', 'daemon/rpc', 'db', 'proto'],
    'daemon/transport': ['daemon/transport', 'daemon/rpc', 'proto'],
    'daemon/admin': ['daemon/admin', 'daemon/rpc', 'db', 'proto'],
}
TOP = 'daemon'

# Generated from the .proto files: proto's own, and visible to everybody.
GENERATED = ('prism/', 'google/', 'grpc/')

THIRD_PARTY = {
    'protobuf-c/': ['proto', 'db', 'client', 'daemon'],
    'jansson.h': ['proto/json.c', 'proto/json.h', 'proto/json_scalar.c', 'proto/json_scalar.h', 'client', 'daemon/admin', 'db/backup', 'db/migrate/program'],
    'libpq-fe.h': ['db'],
    'libpq/': ['db'],
    'uv.h': ['db', 'client', 'daemon/rpc', 'daemon/transport', 'daemon/auth', 'daemon/admin', TOP],
    'nghttp2/': ['client/http2', 'daemon/transport'],
    'openssl/': ['daemon/transport', 'db/backup', TOP],
    'ini.h': [TOP],
    'sodium.h': ['daemon/auth', 'db', 'client', TOP],
    'uuid/': ['db'],
    'sanitizer/': ['proto', 'daemon/rpc'],
}


def layer_of(path):
    """The layer that a product file belongs to; TOP for the files at the top of daemon/; None outside of layers."""
    folder = os.path.dirname(path)
    if folder == TOP:
        return TOP
    for layer in sorted(ALLOWED, key=len, reverse=True):
        if folder == layer or folder.startswith(layer + '/'):
            return layer
    return None


def _within(path, places):
    layer = layer_of(path)
    return any(place in (path, layer) or (place != TOP and path.startswith(place + '/')) for place in places)


def _check_ours(path, target):
    layer, included = layer_of(path), layer_of(target)
    if '/' not in target:
        return f'"{target}" is not rooted: write the path from the top of the tree'
    if target.startswith(GENERATED):
        return None
    if included is None:
        return f'"{target}" is in no layer: what is included lives in {", ".join(ALLOWED)}'
    if layer == TOP or included in ALLOWED[layer]:
        return None
    return f'{layer} must not include {included}: "{target}" (allowed: {", ".join(ALLOWED[layer])})'


def _check_third_party(path, target):
    for header, places in THIRD_PARTY.items():
        if (target.startswith(header) if header.endswith('/') else target == header) and not _within(path, places):
            return f'<{target}> is not for this layer (only {", ".join(places)})'
    return None


def check(tree):
    found = []
    for path in tree.with_suffix('.c', '.h', '.def'):
        if layer_of(path) is None:
            continue
        text = tree.read(path)
        for match in INCLUDE.finditer(text):
            check_one = _check_ours if match.group(1) == '"' else _check_third_party
            problem = check_one(path, match.group(2))
            if problem:
                found.append(finding(path, line_of(text, match.start()), problem))
    return found
