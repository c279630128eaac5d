"""The pipeline's steps: fetch, land, store, average and publish prices; replay and audit them."""
