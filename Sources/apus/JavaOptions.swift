import ApusBase
import ApusSystem

/// The system properties that RocketMQ's scripts hand to Java: words `-DNAME=VALUE` of the environment's `JAVA_OPT` and
/// `JAVA_OPT_EXT`. Of several with one name the last counts, as for Java; everything else is a virtual machine's.
struct JavaOptions {
  private let properties: PropertiesFile

  /// Reads the variables' texts.
  init(_ texts: [String]) {
    var properties = PropertiesFile()
    for word in texts.flatMap({ $0.split(whereSeparator: \.isWhitespace) }) {
      guard word.hasPrefix("-D"), let equals = word.firstIndex(of: "=") else { continue }
      properties[String(word[..<equals].dropFirst(2))] = String(word[word.index(after: equals)...])
    }
    self.properties = properties
  }

  /// Those of this process.
  static var ofProcess: JavaOptions {
    JavaOptions(["JAVA_OPT", "JAVA_OPT_EXT"].compactMap { ProcessIO.environment($0) })
  }

  /// All of them, in the order in which they first stand.
  var entries: [PropertiesFile.Entry] { properties.entries }

  /// The value of a property; nil for one that is not set.
  subscript(name: String) -> String? { properties[name] }
}
