"""Where the pipeline meets Airflow: the only package here that imports it."""
