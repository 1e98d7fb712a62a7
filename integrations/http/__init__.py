"""The one way to a PMS: client → budget → transport. No other code opens sockets to a PMS."""
