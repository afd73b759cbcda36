import ApusRemoting
import ApusSystem

/// TLS of the connections to name servers and brokers (`useTLS`, and Java's keys `tls.client.…`).
///
/// Unless told otherwise a server is talked to only when an authority that this machine trusts says that it is the one.
/// Java trusts everybody unless told otherwise: that is ``Trust/anyone`` here.
public struct TLSConfiguration: Sendable, CustomStringConvertible, CustomReflectable {
  /// Whose certificates are accepted.
  public enum Trust: Hashable, Sendable {
    /// Those of the authorities that this machine trusts.
    case system
    /// Those of the authorities in a PEM file (`tls.client.trustCertPath` with `tls.client.authServer`).
    case file(String)
    /// Anybody's, so that nothing protects from servers in the middle (`tls.test.mode.enable`).
    case anyone
  }

  /// Whose certificates are accepted (``Trust/system``; Java accepts anybody's unless `tls.client.authServer` is set).
  public var trust = Trust.system
  /// Whether a server's certificate has to be made out for the name or address that it is called by (true; Java does
  /// not look). Brokers are called as they are registered, mostly by address. Without effect with ``Trust/anyone``.
  public var checksServerName = true
  /// `tls.client.certPath` (nil: none): a PEM file with the client's own certificate and its chain; needs ``keyPath``.
  public var certificatePath: String?
  /// `tls.client.keyPath` (nil: none): a PEM file with its private key.
  public var keyPath: String?
  /// `tls.client.keyPassword` (nil): what the key is encrypted with; nil when it is not. No description shows it.
  public var keyPassword: String?

  /// Trusts whom the machine trusts, unless told otherwise. Files are read when the client is made, which throws
  /// ``ClientError/Code/invalidArgument`` for one that cannot be used.
  public init(trust: Trust = .system) { self.trust = trust }

  /// Whom it trusts, and nothing of the key.
  public var description: String { "TLSConfiguration(trust: \(trust), checksServerName: \(checksServerName))" }
  /// Whom it trusts, and nothing of the key.
  public var customMirror: Mirror {
    Mirror(self, children: ["trust": trust, "checksServerName": checksServerName])
  }
}

extension ClientTLS {
  /// Reads the files that are named.
  init(_ configuration: TLSConfiguration) throws(ClientError) {
    let credentials: TLSCredentials?
    switch (configuration.certificatePath, configuration.keyPath) {
    case (nil, nil): credentials = nil
    case (let certificate?, let key?):
      credentials = TLSCredentials(
        certificatePath: certificate, keyPath: key, keyPassword: configuration.keyPassword)
    default: throw ClientError(.invalidArgument, "certificatePath and keyPath need each other")
    }
    let trust: TLSTrust =
      switch configuration.trust {
      case .system: .system
      case .file(let path): .file(path)
      case .anyone: .anyone
      }
    do throws(TLSError) {
      self.init(
        try TLSContext.client(credentials, trust: trust),
        checksServerName: configuration.checksServerName && trust != .anyone)
    } catch {
      throw ClientError(.invalidArgument, "TLS cannot be used: \(error)", cause: error)
    }
  }
}
