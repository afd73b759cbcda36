/// A certificate and its private key, in PEM files.
package struct TLSCredentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// The certificate, followed by those that lead from it to its authority.
  package var certificatePath: String
  /// The private key.
  package var keyPath: String
  /// What the private key is encrypted with; nil when it is not. No description shows it.
  package var keyPassword: String?

  /// Names the files.
  package init(certificatePath: String, keyPath: String, keyPassword: String? = nil) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    self.keyPassword = keyPassword
  }

  /// The files, and nothing of the password.
  package var description: String { "TLSCredentials(\(certificatePath), \(keyPath))" }
  /// The files, and nothing of the password.
  package var customMirror: Mirror {
    Mirror(self, children: ["certificatePath": certificatePath, "keyPath": keyPath])
  }
}

/// Whose certificates are accepted.
package enum TLSTrust: Hashable, Sendable {
  /// Anybody's: the peer may be anyone.
  case anyone
  /// Those of the authorities that the machine trusts.
  case system
  /// Those of the authorities in a PEM file.
  case file(String)
}

/// Whether a server wants its clients' certificates.
package enum TLSClientCertificate: String, CaseIterable, Sendable {
  /// They are not asked for.
  case none
  /// They are asked for; one that comes must be trusted.
  case optional
  /// There is no connection without one.
  case require
}

/// Whom a client wants to talk to.
package struct TLSServerName: Hashable, Sendable {
  /// A host name, or an address in text.
  package var text: String
  /// Whether the server's certificate has to be made out for it.
  package var isChecked: Bool

  /// Names a server.
  package init(_ text: String, isChecked: Bool) {
    self.text = text
    self.isChecked = isChecked
  }
}
