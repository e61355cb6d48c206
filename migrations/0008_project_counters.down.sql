DROP TABLE project_counters;
