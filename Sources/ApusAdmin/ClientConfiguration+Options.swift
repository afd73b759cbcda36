import ApusAccess
import ApusBase
import ApusClient
import ApusCommandLine
import ApusSystem

extension ClientConfiguration {
  /// How a command reaches servers: as its options say, else as the environment and RocketMQ's files do. The name
  /// servers are those of `-n`, of `NAMESRV_ADDR`, or those of this machine. `usualTLS` counts when no option says how
  /// connections are encrypted.
  init(
    _ arguments: Arguments, _ environment: AdminTool.Environment, tls usualTLS: TLSConfiguration?
  ) throws(AdminError) {
    let given = Self.nameServers(
      in: arguments.text(CommonOption.nameServers.name) ?? environment("NAMESRV_ADDR") ?? "")
    self.init(nameServers: given.isEmpty ? ["127.0.0.1:9876"] : given)
    // As mqadmin waits.
    requestTimeout = .seconds(5)
    credentials = try Self.account(arguments, environment)
    tls = Self.encryption(arguments) ?? usualTLS
  }

  /// TLS as the options ask for it; nil when they do not.
  private static func encryption(_ arguments: Arguments) -> TLSConfiguration? {
    if let path = arguments.trimmed(CommonOption.authorities.name) { return TLSConfiguration(trust: .file(path)) }
    return arguments.has(CommonOption.tls.name) ? TLSConfiguration() : nil
  }

  /// The account of the file that is named, which must be there and name one, or of RocketMQ's `conf/tools.yml`. Nil
  /// when that is missing or names none: requests are not signed then.
  private static func account(
    _ arguments: Arguments, _ environment: AdminTool.Environment
  ) throws(AdminError) -> ClientCredentials? {
    guard let path = arguments.trimmed(CommonOption.account.name) else {
      guard let home = environment("ROCKETMQ_HOME") else { return nil }
      return try Self.account(inFile: "\(home)/conf/tools.yml", isOptional: true)
    }
    guard let account = try Self.account(inFile: path, isOptional: false) else {
      throw AdminError("\(path) names no account: it needs accessKey and secretKey")
    }
    return account
  }

  private static func account(
    inFile path: String, isOptional: Bool
  ) throws(AdminError) -> ClientCredentials? {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try ProcessIO.contents(of: path)
    } catch {
      if isOptional, error.isNotFound { return nil }
      throw AdminError("the account of the tools cannot be read: \(error)")
    }
    do throws(DecodeError) {
      return try ToolsAccount.read(bytes).map {
        ClientCredentials(accessKey: $0.accessKey, secretKey: $0.secretKey, securityToken: $0.securityToken)
      }
    } catch {
      throw AdminError("the account of the tools cannot be read from \(path): \(error)")
    }
  }
}
