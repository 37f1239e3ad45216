//! Values of the Enterprise Engagement API: ids, metrics, windows, requests, answers and plans. No I/O, no clock.
