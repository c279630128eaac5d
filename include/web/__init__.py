"""Pages in Airflow's UI and their JSON API, behind its login."""
