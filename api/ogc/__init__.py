"""OGC API - Features and Tiles over the city's layers: what QGIS, GDAL and others of their trade speak."""
