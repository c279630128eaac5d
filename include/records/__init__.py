"""What flows through the pipeline and the limits it is judged by: pure, on top of nothing."""
