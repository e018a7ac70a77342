//! Folds detections into incidents.
