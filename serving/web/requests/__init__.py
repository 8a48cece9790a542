"""Reading of requests: headers, bodies, forms, and validation of what they ask for."""
