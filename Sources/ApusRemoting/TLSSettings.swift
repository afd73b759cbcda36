package import ApusBase
package import ApusSystem

/// What a port does with peers that begin with TLS, and with those that do not (`tls.server.mode`).
package enum TLSMode: String, CaseIterable, Sendable {
  /// TLS is refused.
  case disabled
  /// Both are served.
  case permissive
  /// Plain peers are refused.
  case enforcing
}

/// The TLS settings under RocketMQ's own keys, which Java takes as system properties (`-Dtls.server.mode=…`) and from
/// the file `tls.config.file` names.
///
/// Deviations: where Java falls back to a default for a value that it does not know, this throws. Test mode is off
/// where files are configured and nothing is said of it; in Java it is on and the files have no effect. In test mode
/// clients are not asked for certificates, which Java asks for and does not look at. `tls.client.checkServerName` is
/// ours.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:remoting/src/main/java/org/apache/rocketmq/remoting/netty/TlsSystemConfig.java
/// and TlsHelper.java
package struct TLSSettings: Hashable, Sendable {
  /// What all keys begin with.
  package static let prefix = "tls."
  /// The file that is read when `tls.config.file` names none; it need not be there.
  package static let usualConfigFile = "/etc/rocketmq/tls.properties"

  private enum Key: String, CaseIterable {
    case mode = "tls.server.mode"
    case configFile = "tls.config.file"
    case testMode = "tls.test.mode.enable"
    case clientAuth = "tls.server.need.client.auth"
    case serverKey = "tls.server.keyPath"
    case serverPassword = "tls.server.keyPassword"
    case serverCertificate = "tls.server.certPath"
    case serverTrusts = "tls.server.authClient"
    case serverTrust = "tls.server.trustCertPath"
    case enable = "tls.enable"
    case clientKey = "tls.client.keyPath"
    case clientPassword = "tls.client.keyPassword"
    case clientCertificate = "tls.client.certPath"
    case clientTrusts = "tls.client.authServer"
    case clientTrust = "tls.client.trustCertPath"
    case checkName = "tls.client.checkServerName"

    /// Java takes these as system properties only.
    var isForFile: Bool { ![.mode, .configFile, .enable].contains(self) }
  }

  /// The certificate of a server and what it asks of clients.
  package enum ServerIdentity: Hashable, Sendable {
    /// A certificate made at the first connection, which nobody can trust (test mode).
    case selfSigned
    /// From files.
    case files(TLSCredentials, clientCertificate: TLSClientCertificate, trust: TLSTrust)
  }

  /// What ports do.
  package var mode = TLSMode.permissive
  /// What ports show.
  package var server = ServerIdentity.selfSigned
  /// Whether connections that this process makes use TLS.
  package var isClientEnabled = false
  /// What connections that this process makes show; nil shows nothing.
  package var clientCredentials: TLSCredentials?
  /// Whom connections that this process makes trust.
  package var clientTrust = TLSTrust.anyone
  /// Whether the certificate of a server must be made out for the name or address that it is called by.
  package var checksServerName = false
  /// What an operator should know, one sentence each.
  package private(set) var warnings: [String] = []

  /// Java's defaults: both kinds of peers, a certificate of its own making.
  package init() {}

  /// Takes the `tls.` entries of a configuration, and of the file that it names over them. `read` reads that file; nil
  /// says that it is not there.
  package init(
    _ properties: PropertiesFile, read: (String) throws(TLSError) -> PropertiesFile?
  ) throws(TLSError) {
    var values: [Key: String] = [:]
    take(properties, into: &values)
    let path = values[.configFile] ?? Self.usualConfigFile
    if let file = try read(path) {
      take(file, fromFile: path, into: &values)
    } else if values[.configFile] != nil {
      throw TLSError("tls.config.file: \(path) is not there")
    }
    if let word = values[.mode] { mode = try Self.choice(word, .mode) }
    try readServer(values)
    try readClient(values)
  }

  private mutating func take(
    _ properties: PropertiesFile, fromFile path: String? = nil, into values: inout [Key: String]
  ) {
    for entry in properties.entries where path != nil || entry.key.hasPrefix(Self.prefix) {
      guard let key = Key(rawValue: entry.key), path == nil || key.isForFile else {
        let place = path.map { " in \($0)" } ?? ""
        warnings.append("setting \(entry.key)\(place) has no effect")
        continue
      }
      // As in Java, an empty value is none.
      values[key] = entry.value.isEmpty ? nil : entry.value
    }
  }

  private mutating func readServer(_ values: [Key: String]) throws(TLSError) {
    let clientCertificate: TLSClientCertificate =
      try values[.clientAuth].map { (word) throws(TLSError) in
        try Self.choice(word, .clientAuth)
      } ?? .none
    let trusts = try Self.truth(values, .serverTrusts) ?? false
    let hasFiles = values[.serverKey] != nil || values[.serverCertificate] != nil
    if try Self.truth(values, .testMode) ?? !hasFiles {
      if hasFiles { warnings.append("tls.test.mode.enable is true: the server's certificate files have no effect") }
      if clientCertificate != .none, mode != .disabled {
        throw TLSError("tls.server.need.client.auth needs tls.test.mode.enable=false and a certificate of the server")
      }
      return
    }
    guard let credentials = try Self.credentials(values, .serverCertificate, .serverKey, .serverPassword) else {
      // Without TLS nothing is needed.
      guard mode == .disabled else { throw TLSError("tls.server.certPath and tls.server.keyPath are missing") }
      return
    }
    let trust = trusts ? values[.serverTrust].map { TLSTrust.file($0) } ?? .system : .anyone
    if clientCertificate != .none, trust == .anyone {
      warnings.append("tls.server.authClient is false: any certificate of a client is accepted")
    }
    server = .files(credentials, clientCertificate: clientCertificate, trust: trust)
  }

  private mutating func readClient(_ values: [Key: String]) throws(TLSError) {
    isClientEnabled = try Self.truth(values, .enable) ?? false
    let trusts = try Self.truth(values, .clientTrusts) ?? false
    let checks = try Self.truth(values, .checkName) ?? false
    let hasFiles = values[.clientKey] != nil || values[.clientCertificate] != nil
    if try Self.truth(values, .testMode) ?? !(hasFiles || trusts) {
      if hasFiles || trusts {
        warnings.append("tls.test.mode.enable is true: the settings tls.client.… have no effect")
      }
      return
    }
    clientCredentials = try Self.credentials(values, .clientCertificate, .clientKey, .clientPassword)
    if trusts { clientTrust = values[.clientTrust].map { TLSTrust.file($0) } ?? .system }
    guard !checks || trusts else { throw TLSError("tls.client.checkServerName needs tls.client.authServer=true") }
    checksServerName = checks
  }

  /// Nil when neither file is named.
  private static func credentials(
    _ values: [Key: String], _ certificate: Key, _ key: Key, _ password: Key
  ) throws(TLSError) -> TLSCredentials? {
    switch (values[certificate], values[key]) {
    case (nil, nil): return nil
    case (let certificatePath?, let keyPath?):
      return TLSCredentials(certificatePath: certificatePath, keyPath: keyPath, keyPassword: values[password])
    case (nil, _): throw TLSError("\(key.rawValue) is set and \(certificate.rawValue) is not")
    case (_, nil): throw TLSError("\(certificate.rawValue) is set and \(key.rawValue) is not")
    }
  }

  private static func truth(_ values: [Key: String], _ key: Key) throws(TLSError) -> Bool? {
    switch values[key]?.lowercased() {
    case nil: return nil
    case "true": return true
    case "false": return false
    case let word?: throw TLSError("\(key.rawValue) is true or false, not '\(word)'")
    }
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ word: String, _ key: Key
  ) throws(TLSError) -> Value {
    if let value = Value(rawValue: word.lowercased()) { return value }
    let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
    throw TLSError("\(key.rawValue) is one of \(words), not '\(word)'")
  }
}
