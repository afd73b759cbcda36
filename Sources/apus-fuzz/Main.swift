// libFuzzer brings its own beginning of the program.
#if !LIBFUZZER
import ApusSystem

/// The program.
@main
enum Main {
  static func main() { ProcessIO.exit(FuzzTool(Array(CommandLine.arguments.dropFirst())).run()) }
}
#endif
