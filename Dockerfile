FROM astrocrpublic.azurecr.io/runtime:3.3-8-python-3.12

# What belongs to every deployment; what differs between them stands in .env.example.
ENV AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES="airflow.* astro.*" \
    AIRFLOW__CELERY__EXTRA_CELERY_CONFIG='{"imports": ["include.tasks.preload"]}' \
    AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=120 \
    AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT=180 \
    AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL=300 \
    AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD=900 \
    AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME=0.2 \
    AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT=30 \
    AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL=5 \
    AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=30 \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    GX_ANALYTICS_ENABLED=false \
    SCARF_ANALYTICS=false

# A volume that is first mounted here takes over its owner, the user that Airflow runs as.
RUN mkdir -p /usr/local/airflow/data
