"""State in Redis: standalone, Sentinel, Cluster, or embedded in this process."""
