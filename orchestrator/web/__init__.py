"""The pages: a board of all releases and one page for each, rendered here, kept up to date by the event stream."""
