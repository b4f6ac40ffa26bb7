"""The runs of a process: trained in threads, detached, evaluated, predicted with and exported."""
