"""The runs of the dashboard: the list and its entries, where their events come from, and the table of them."""
