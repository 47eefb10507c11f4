"""Claims tied to measurements, and what laws and guidelines ask for; evidence, never a certificate of conformity."""
