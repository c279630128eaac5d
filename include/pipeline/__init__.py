"""Steps of a price through the pipeline: fetch, land, store, average, publish; replay, audit."""
