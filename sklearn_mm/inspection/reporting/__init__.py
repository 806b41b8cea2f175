"""A fitted model and the rows it is tested on, as one page of HTML."""
