import Glibc

// The order of sets and dictionaries must follow from the seed, too, and only the start of a process can say so.
if unsafe getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
  _ = unsafe setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
  _ = unsafe execv("/proc/self/exe", CommandLine.unsafeArgv)
}
exit(SimulatorTool.run(Array(CommandLine.arguments.dropFirst())))
