import Glibc

exit(SimulatorTool.run(Array(CommandLine.arguments.dropFirst())))
