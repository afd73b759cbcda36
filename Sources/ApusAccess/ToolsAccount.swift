package import ApusBase

/// The account of RocketMQ's tools, as `conf/tools.yml` names it: `accessKey`, `secretKey` and, where there is one,
/// `securityToken`.
package struct ToolsAccount: Sendable, CustomStringConvertible, CustomReflectable {
  /// The account.
  package let accessKey: String
  /// Its secret.
  package let secretKey: String
  /// The token of a security service; nil for none.
  package let securityToken: String?

  /// Reads the file's text. Nil when it does not name an account and a secret, as Java then signs nothing. Throws when
  /// it is no YAML.
  package static func read(_ bytes: [UInt8]) throws(DecodeError) -> ToolsAccount? {
    let root: YAMLNode?
    do throws(YAMLError) {
      root = try YAMLReader.read(bytes)
    } catch {
      throw DecodeError(field: "tools.yml", offset: 0, reason: "line \(error.line): \(error.reason)")
    }
    guard case .mapping(let entries) = root?.content, let accessKey = entries["accessKey"]?.text,
      let secretKey = entries["secretKey"]?.text
    else { return nil }
    return ToolsAccount(
      accessKey: accessKey, secretKey: secretKey, securityToken: entries["securityToken"]?.text)
  }

  /// The account, and nothing of its secret.
  package var description: String { "ToolsAccount(\(accessKey))" }
  /// The account, and nothing of its secret.
  package var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
}
