-- The role of who may see a part of the city only: it reaches the views of `scoped` (storage/scope.py, made anew after each
-- migration) and what is the same for everybody. As a group role, like the other two: login roles reach it through them.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'citygrid_scoped') THEN
        CREATE ROLE citygrid_scoped NOLOGIN;
    END IF;
END
$$;
DO $$
BEGIN
    GRANT citygrid_scoped TO citygrid_reader;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'the role was granted by somebody else: %', SQLERRM;
END
$$;
