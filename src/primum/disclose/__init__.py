"""What may leave a secure room: rules, tables protected before anything is measured, an attack on the result."""
