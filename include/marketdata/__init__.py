"""The price pipeline. Runs from any Python prompt: nothing here imports Airflow."""
