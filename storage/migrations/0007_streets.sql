-- Axes of streets, drawn on the map under the grids; not part of the administrative tree (area level 'street' is 街道).
CREATE TABLE street (
    street_id int PRIMARY KEY,
    name_zh   text NOT NULL,
    name_en   text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('main', 'side')),
    geom      geometry(LineString, 4326) NOT NULL
);
CREATE INDEX street_geom ON street USING gist (geom);
