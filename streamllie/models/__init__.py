"""The low-light network in torch: POG, ADR, the network, and the streaming wrapper that is exported."""
