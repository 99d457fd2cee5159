"""Speed and safety of the server beside other servers: data sets and commands come in; docs/benchmarks.md goes out."""
