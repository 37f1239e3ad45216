//! A faithful local emulator of the Enterprise Engagement API.
