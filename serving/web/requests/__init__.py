"""What a client sent: headers, bodies, forms and what they ask for."""
