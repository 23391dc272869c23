"""Commands, the report and the main job."""
