const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** HTTPS, or plain HTTP that can't leave this machine; and no user or password. */
export const isSafe = ({ hostname, password, protocol, username }: URL): boolean =>
  (protocol === "https:" || (protocol === "http:" && loopback.test(hostname))) && username === "" && password === ""
