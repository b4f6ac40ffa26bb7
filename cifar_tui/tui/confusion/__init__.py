"""The confusion matrices of the selected run, with a cell cursor and a search for classes."""
