"""The bodies of the tasks, a module for each DAG: open what connections name, run one step."""
