"""The registry of urban components (部件): 116 classes, codes, surveys."""
