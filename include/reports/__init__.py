"""Reports: figures, charts, a page, a picture and a text of published minutes; pure."""
