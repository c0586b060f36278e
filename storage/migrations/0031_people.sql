-- Who may do what: accounts, their grants, sessions of browsers, keys of programs (docs/people.md).
-- Tokens are kept as SHA-256 of 256 random bits, passwords as Argon2id: nothing here lets anybody in.
CREATE TABLE account (
    account_id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    display_name        text NOT NULL CHECK (display_name <> ''),
    language            text NOT NULL DEFAULT 'zh' CHECK (language IN ('zh', 'en')),
    password_hash       text,
    password_changed_at timestamptz,
    oidc_issuer         text,
    oidc_subject        text,
    department_id       int REFERENCES department,
    created_at          timestamptz NOT NULL,
    created_by          text NOT NULL,
    disabled_at         timestamptz,
    UNIQUE (oidc_issuer, oidc_subject),
    CHECK (num_nulls(oidc_issuer, oidc_subject) IN (0, 2))
);
COMMENT ON COLUMN account.department_id IS 'for whom somebody with the role department works';
COMMENT ON COLUMN account.password_hash IS 'Argon2id, with its parameters; null = cannot sign in by password';

CREATE TABLE account_grant (
    account_id  int NOT NULL REFERENCES account,
    role        text NOT NULL CHECK (role ~ '^[a-z_]{1,32}$'),
    area_code   text CHECK (area_code <> ''),
    patrol_grid text CHECK (patrol_grid <> ''),
    granted_at  timestamptz NOT NULL,
    granted_by  text NOT NULL,
    CHECK (num_nonnulls(area_code, patrol_grid) <= 1)
);
CREATE UNIQUE INDEX account_grant_once
    ON account_grant (account_id, role, COALESCE(area_code, ''), COALESCE(patrol_grid, ''));
COMMENT ON COLUMN account_grant.area_code IS 'a district, street or community; with no patrol grid either: the whole city';

CREATE TABLE account_session (
    session_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    account_id int NOT NULL REFERENCES account,
    method     text NOT NULL CHECK (method IN ('password', 'oidc', 'link')),
    created_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    address    text NOT NULL,
    user_agent text NOT NULL
);
CREATE INDEX account_session_account ON account_session (account_id);
CREATE INDEX account_session_expires ON account_session (expires_at);
COMMENT ON COLUMN account_session.expires_at IS 'the end however much it is used; a session that rests ends earlier';

CREATE TABLE api_key (
    key_id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    prefix     text NOT NULL,
    account_id int NOT NULL REFERENCES account,
    name       text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    grants     jsonb CHECK (jsonb_typeof(grants) = 'array'),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    used_at    timestamptz,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX api_key_name ON api_key (account_id, name) WHERE revoked_at IS NULL;
COMMENT ON COLUMN api_key.grants IS '[[role, area, patrol grid], ...], each within the owner''s; null = all the owner has';

-- Signs a browser in once, without a password: the demo's link.
CREATE TABLE sign_in_link (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id int NOT NULL REFERENCES account,
    expires_at timestamptz NOT NULL
);

-- Failed sign-ins by account and by address; a success takes the account's row away.
CREATE TABLE sign_in_throttle (
    subject    text PRIMARY KEY,
    failures   int NOT NULL,
    failed_at  timestamptz NOT NULL,
    wait_until timestamptz NOT NULL
);
CREATE INDEX sign_in_throttle_failed ON sign_in_throttle (failed_at);

-- From where somebody signed in lately: others' failures elsewhere do not make him wait there.
CREATE TABLE sign_in_place (
    account_id int NOT NULL REFERENCES account,
    address    text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (account_id, address)
);

-- A sign-in that is under way at the OpenID provider.
CREATE TABLE oidc_attempt (
    state_hash bytea PRIMARY KEY CHECK (length(state_hash) = 32),
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    return_to  text NOT NULL,
    expires_at timestamptz NOT NULL
);

-- Dashboards and plain reads see none of it.
REVOKE SELECT ON account, account_grant, account_session, api_key, sign_in_link, sign_in_throttle, sign_in_place,
    oidc_attempt
    FROM citygrid_reader;

-- The audit is looked through by who, what and when. A program's actor is `account/key`.
CREATE INDEX audit_actor ON audit (split_part(actor, '/', 1), audit_id DESC);
CREATE INDEX audit_action ON audit (action, audit_id DESC);
CREATE INDEX audit_at ON audit (at);
