module guestd/tests/sdk/stacyvm

go 1.26.0
