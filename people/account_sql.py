"""The statements of accounts, their grants and what lets them in."""

INSERT = """
INSERT INTO account (name, display_name, language, department_id, password_hash, password_changed_at, created_at,
                     created_by, oidc_issuer, oidc_subject)
VALUES (%(name)s, %(display_name)s, %(language)s, %(department_id)s, %(password_hash)s,
        CASE WHEN %(password_hash)s::text IS NOT NULL THEN %(now)s::timestamptz END, %(now)s, %(actor)s,
        %(oidc_issuer)s, %(oidc_subject)s)
ON CONFLICT DO NOTHING RETURNING account_id
"""
LOCK = """
SELECT account_id, name, display_name, language, department_id, password_hash, disabled_at, oidc_subject
FROM account WHERE name = %(name)s FOR UPDATE
"""
FIND = """
SELECT account_id, name, display_name, password_hash, disabled_at FROM account WHERE name = %(name)s
"""
FIND_SUBJECT = """
SELECT account_id, name, disabled_at FROM account WHERE oidc_issuer = %(issuer)s AND oidc_subject = %(subject)s
"""
LIST = """
SELECT a.name, a.display_name, a.language, a.department_id, a.password_hash IS NOT NULL AS has_password,
       a.oidc_subject IS NOT NULL AS has_oidc, a.created_at, a.created_by, a.disabled_at,
       ARRAY(SELECT ARRAY[g.role, g.area_code, g.patrol_grid] FROM account_grant g
             WHERE g.account_id = a.account_id ORDER BY g.role, g.area_code, g.patrol_grid) AS grants,
       (SELECT max(s.used_at) FROM account_session s WHERE s.account_id = a.account_id) AS used_at,
       (SELECT count(*) FROM api_key k WHERE k.account_id = a.account_id AND k.revoked_at IS NULL) AS keys
FROM account a
WHERE (%(name)s = '' OR a.name = %(name)s) AND a.name > %(after)s
  AND position(lower(%(part)s) IN lower(a.name || ' ' || a.display_name)) > 0
ORDER BY a.name LIMIT %(limit)s
"""
UPDATE = """
UPDATE account SET display_name = %(display_name)s, language = %(language)s, department_id = %(department_id)s
WHERE account_id = %(account_id)s
"""
NEW_HASH = """
UPDATE account SET password_hash = %(password_hash)s, password_changed_at = %(now)s WHERE account_id = %(account_id)s
"""
REHASH = "UPDATE account SET password_hash = %(fresh)s WHERE account_id = %(account_id)s AND password_hash = %(old)s"
SET_DISABLED = "UPDATE account SET disabled_at = %(disabled_at)s WHERE account_id = %(account_id)s"
GRANT = """
INSERT INTO account_grant (account_id, role, area_code, patrol_grid, granted_at, granted_by)
VALUES (%(account_id)s, %(role)s, %(area_code)s, %(patrol_grid)s, %(now)s, %(actor)s) ON CONFLICT DO NOTHING
"""
UNGRANT = """
DELETE FROM account_grant WHERE account_id = %(account_id)s AND role = %(role)s
  AND area_code IS NOT DISTINCT FROM %(area_code)s AND patrol_grid IS NOT DISTINCT FROM %(patrol_grid)s
"""
GRANTS = "SELECT role, area_code, patrol_grid FROM account_grant WHERE account_id = %(account_id)s ORDER BY 1, 2, 3"
PLACE_EXISTS = """
SELECT CASE WHEN %(area_code)s::text IS NOT NULL THEN EXISTS (SELECT FROM area WHERE area_code = %(area_code)s)
            WHEN %(patrol_grid)s::text IS NOT NULL
            THEN EXISTS (SELECT FROM patrol_grid WHERE code = %(patrol_grid)s)
            ELSE TRUE END AS there
"""
ADMINS = """
SELECT count(*) AS others FROM account a JOIN account_grant g USING (account_id)
WHERE g.role = 'admin' AND g.area_code IS NULL AND g.patrol_grid IS NULL AND a.disabled_at IS NULL
  AND a.account_id <> %(account_id)s
"""
LOCK_ADMINS = "SELECT pg_advisory_xact_lock(%(lock)s)"
ANY_ACCOUNT = "SELECT EXISTS (SELECT FROM account) AS there"
DEPARTMENT_EXISTS = "SELECT EXISTS (SELECT FROM department WHERE department_id = %(department_id)s) AS there"
INSERT_LINK = """
INSERT INTO sign_in_link (token_hash, account_id, expires_at)
SELECT %(token_hash)s, account_id, %(expires_at)s FROM account WHERE name = %(name)s AND disabled_at IS NULL
"""
TAKE_LINK = """
DELETE FROM sign_in_link l USING account a
WHERE l.token_hash = %(token_hash)s AND a.account_id = l.account_id
RETURNING a.account_id, a.name, l.expires_at > %(now)s AND a.disabled_at IS NULL AS is_good
"""
CLEAR_LINKS = "DELETE FROM sign_in_link WHERE expires_at < %(now)s"
END_LINKS = "DELETE FROM sign_in_link WHERE account_id = %(account_id)s"
IDENTITY = """
SELECT a.display_name, a.language, a.department_id,
       ARRAY(SELECT ARRAY[g.role, g.area_code, g.patrol_grid] FROM account_grant g
             WHERE g.account_id = a.account_id ORDER BY g.role, g.area_code, g.patrol_grid) AS grants
FROM account a WHERE a.account_id = %(account_id)s
"""
