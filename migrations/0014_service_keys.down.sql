DROP TABLE service_keys, principals;
