/** Returns the response for a file of this folder; fails where it is missing. */
export async function fetched(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is missing (${response.status})`);
  return response;
}
