"""Values from files that anybody may have written: parsed within bounds, and checked against their types."""
