"""PostgreSQL and TimescaleDB: the pool, the migrations, and the tables that several packages share."""
