DROP INDEX sprints_name_key;
