"""The fault suite: real faults against real servers, one test a row of docs/topics/reliability.md."""
