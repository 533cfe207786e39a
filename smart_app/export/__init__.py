"""What Chartside holds on one client: handed out as FHIR and as a page, and erased when the client asks for it."""
