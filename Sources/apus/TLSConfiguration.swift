import ApusBase
import ApusClient
import ApusCommandLine
import ApusRemoting
import ApusSystem

extension Configuration {
  /// The TLS settings of a process: `-Dtls.…` words of the environment, entries of the configuration file over them,
  /// `-D` options of the command line over those and, as in Java, the file that `tls.config.file` names over all.
  static func tls(_ arguments: Arguments, file: PropertiesFile) throws(CommandFailure) -> TLSSettings {
    try tls(definitions: arguments.definitions, file: file, java: .ofProcess)
  }

  /// The same from its parts.
  static func tls(
    definitions: PropertiesFile, file: PropertiesFile, java: JavaOptions
  ) throws(CommandFailure) -> TLSSettings {
    var properties = PropertiesFile()
    for entry in java.entries + file.entries + definitions.entries where entry.key.hasPrefix(TLSSettings.prefix) {
      properties[entry.key] = entry.value
    }
    do throws(TLSError) {
      return try TLSSettings(properties, read: readTLSFile)
    } catch {
      throw CommandFailure(.configuration, "TLS: \(error)")
    }
  }

  /// TLS of the administration tool's connections, as `-Dtls.…` words of the environment ask for it; nil when they do
  /// not.
  static func adminTLS() throws(CommandFailure) -> TLSConfiguration? {
    try adminTLS(java: .ofProcess)
  }

  /// The same from its parts. Whatever is wrong ends the tool as all else does, with 1.
  static func adminTLS(java: JavaOptions) throws(CommandFailure) -> TLSConfiguration? {
    guard java.entries.contains(where: { $0.key.hasPrefix(TLSSettings.prefix) }) else { return nil }
    // The tool has no ports: nothing is asked of their settings.
    var definitions = PropertiesFile()
    definitions["tls.server.mode"] = TLSMode.disabled.rawValue
    do throws(CommandFailure) {
      let settings = try tls(definitions: definitions, file: PropertiesFile(), java: java)
      return settings.isClientEnabled ? TLSConfiguration(settings) : nil
    } catch {
      throw CommandFailure(.failure, error.message)
    }
  }

  /// Nil when the file is not there.
  private static func readTLSFile(_ path: String) throws(TLSError) -> PropertiesFile? {
    guard FileStamp(of: path) != nil else { return nil }
    do throws(CommandFailure) {
      return try Configuration.file(path)
    } catch {
      throw TLSError(error.message)
    }
  }
}

extension TLSConfiguration {
  /// What RocketMQ's keys say of connections that a process makes.
  init(_ settings: TLSSettings) {
    switch settings.clientTrust {
    case .anyone: self.init(trust: .anyone)
    case .system: self.init(trust: .system)
    case .file(let path): self.init(trust: .file(path))
    }
    checksServerName = settings.checksServerName
    certificatePath = settings.clientCredentials?.certificatePath
    keyPath = settings.clientCredentials?.keyPath
    keyPassword = settings.clientCredentials?.keyPassword
  }
}

extension PropertiesFile {
  /// Without the TLS settings, which are the process's and not a role's.
  var withoutTLS: PropertiesFile {
    PropertiesFile(entries.filter { !$0.key.hasPrefix(TLSSettings.prefix) })
  }
}
