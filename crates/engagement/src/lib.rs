//! A client for the Enterprise Engagement API that accounts for every Tweet it is asked for.
