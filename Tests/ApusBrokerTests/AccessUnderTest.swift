import ApusAccess
import ApusBase
import ApusProtocol
import ApusSystem
import Foundation
import Testing
import ApusSigning

@testable import ApusBroker

/// A directory with access control files, removed at the end.
final class AccessDirectory {
  let path = ServedBroker.newDirectory()
  static let usual = """
    globalWhiteRemoteAddresses:
    - 10.10.103.*
    accounts:
    - accessKey: fxadmin
      secretKey: adminsecret1
      admin: true
    - accessKey: fxuser01
      secretKey: usersecret1
      defaultTopicPerm: DENY
      defaultGroupPerm: DENY
      topicPerms:
      - FxAcl=PUB|SUB
      - FxPubOnly=PUB
      groupPerms:
      - cg=SUB
    """

  init(_ files: [String: String] = ["plain_acl.yml": AccessDirectory.usual]) throws {
    try FileManager.default.createDirectory(atPath: path + "/acl", withIntermediateDirectories: true)
    for (name, text) in files { try write(name, text) }
  }

  deinit {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      Issue.record("the directory cannot be removed: \(error)")
    }
  }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
  }

  func text(_ name: String = "plain_acl.yml") throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path + "/" + name)), as: UTF8.self)
  }

  var names: [String] {
    get throws { try FileManager.default.subpathsOfDirectory(atPath: path).filter { $0 != "acl" }.sorted() }
  }

  func served(_ entries: [(String, String)] = [], log: Logger? = nil) throws -> ServedBroker {
    try ServedBroker([("aclEnable", "true"), ("aclConfigDir", path)] + entries, log: log)
  }
}

extension Credentials {
  static let admin = Credentials(accessKey: "fxadmin", secretKey: "adminsecret1")
  static let user = Credentials(accessKey: "fxuser01", secretKey: "usersecret1")
}

extension RawClient {
  /// Asks with a signature.
  func ask(
    _ code: RequestCode, _ fields: [ReplyField] = [], body: [UInt8] = [], by credentials: Credentials,
    type: HeaderType = .json
  ) throws -> Command {
    try ask(code, credentials.signed(fields, body: body), body: body, type: type)
  }

  func ask(_ request: some OutgoingRequest, by credentials: Credentials) throws -> Command {
    try ask(Swift.type(of: request).code, request.fields, body: request.body, by: credentials)
  }
}
